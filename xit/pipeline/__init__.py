"""How the stages run: parameters, profiles, folders, and the execution of stage runs here or on workers."""
