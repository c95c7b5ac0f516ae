"""What assembles measures into estimates; a file a block, named as in --skip."""
