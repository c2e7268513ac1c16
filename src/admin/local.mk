noinst_LIBRARIES += libadmin.a
libadmin_a_SOURCES = src/admin/layer.c
