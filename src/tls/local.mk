noinst_LIBRARIES += libtls.a
libtls_a_SOURCES = \
    src/tls/stream.c include/tls/stream.h
