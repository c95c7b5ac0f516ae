"""seqjepa: which transformation lives where in a learned representation?"""
