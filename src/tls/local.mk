noinst_LIBRARIES += libtls.a
libtls_a_SOURCES = \
    src/tls/authority.c include/tls/authority.h \
    src/tls/certificate.c include/tls/certificate.h \
    src/tls/context.c include/tls/context.h \
    src/tls/identity.c include/tls/identity.h \
    src/tls/issue.c include/tls/issue.h \
    src/tls/leaf.c include/tls/leaf.h \
    src/tls/peer.c include/tls/peer.h \
    src/tls/pem.c include/tls/pem.h \
    src/tls/san.c include/tls/san.h \
    src/tls/settings.c include/tls/settings.h \
    src/tls/stream.c include/tls/stream.h
