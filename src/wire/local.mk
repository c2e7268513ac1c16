noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = src/wire/layer.c
