# doc: what is installed or distributed from here
