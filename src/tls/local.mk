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

if UNIT_TESTS
check_PROGRAMS += test/unit/test_tls_context test/unit/test_tls_leaf
test_unit_test_tls_context_SOURCES = test/unit/test_tls_context.c test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_tls_context_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_tls_context_LDADD = $(LIBS_TLS) $(CMOCKA_LIBS)
test_unit_test_tls_leaf_SOURCES = test/unit/test_tls_leaf.c test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_tls_leaf_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_tls_leaf_LDADD = $(LIBS_TLS) $(CMOCKA_LIBS)
endif
