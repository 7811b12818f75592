"""The program that a SessionDock task runs on the remote machine (Python >= 3.8, standard library + clearml SDK)."""
