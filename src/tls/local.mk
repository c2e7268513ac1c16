noinst_LIBRARIES += libtls.a
libtls_a_SOURCES = \
    include/tls/authority.h \
    include/tls/certificate.h \
    include/tls/context.h \
    include/tls/identity.h \
    include/tls/leaf.h \
    include/tls/peer.h \
    include/tls/pem.h \
    src/tls/stream.c include/tls/stream.h
