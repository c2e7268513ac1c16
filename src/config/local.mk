noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = src/config/layer.c
