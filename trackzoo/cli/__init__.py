"""The command line: one module a command. Importing one imports no torch, pandas or cv2."""
