# doc: what is installed or distributed from here
dist_man_MANS += doc/pgvouch.8
