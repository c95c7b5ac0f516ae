"""The command line."""
import sys
from pathlib import Path
def main():
    from seqjepa.recipes import RECIPES
    from seqjepa.training import train
    train(RECIPES[sys.argv[2]](), Path(sys.argv[4]))  # seqjepa train RECIPE --out FOLDER
