noinst_LIBRARIES += libpool.a
libpool_a_SOURCES = src/pool/layer.c
