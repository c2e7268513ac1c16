noinst_LIBRARIES += libpool.a
libpool_a_SOURCES = \
    src/pool/cancel.c include/pool/cancel.h \
    src/pool/client.c include/pool/client.h \
    src/pool/clientele.c include/pool/clientele.h \
    src/pool/dial.c include/pool/dial.h \
    src/pool/fleet.c include/pool/fleet.h \
    src/pool/framer.c include/pool/framer.h \
    src/pool/janitor.c include/pool/janitor.h \
    src/pool/listener.c include/pool/listener.h \
    src/pool/place.c include/pool/place.h \
    src/pool/pool.c include/pool/pool.h \
    src/pool/registry.c include/pool/registry.h \
    src/pool/relay.c include/pool/relay.h \
    src/pool/requests.c include/pool/requests.h \
    src/pool/review.c include/pool/review.h \
    src/pool/server.c include/pool/server.h \
    src/pool/server_login.c include/pool/server_login.h \
    src/pool/shard.c include/pool/shard.h \
    src/pool/tuning.c include/pool/tuning.h \
    src/pool/variables.c include/pool/variables.h \
    src/pool/worker.c include/pool/worker.h \
    include/pool/limits.h include/pool/stats.h

if UNIT_TESTS
check_PROGRAMS += \
    test/unit/test_pool_clientele \
    test/unit/test_pool_framer \
    test/unit/test_pool_requests \
    test/unit/test_pool_variables
test_unit_test_pool_clientele_SOURCES = test/unit/test_pool_clientele.c test/unit/expect.h
test_unit_test_pool_clientele_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_pool_clientele_LDADD = $(LIBS_POOL) $(CMOCKA_LIBS)
test_unit_test_pool_framer_SOURCES = test/unit/test_pool_framer.c test/unit/expect.h
test_unit_test_pool_framer_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_pool_framer_LDADD = $(LIBS_POOL) $(CMOCKA_LIBS)
test_unit_test_pool_requests_SOURCES = test/unit/test_pool_requests.c test/unit/expect.h
test_unit_test_pool_requests_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_pool_requests_LDADD = $(LIBS_POOL) $(CMOCKA_LIBS)
test_unit_test_pool_variables_SOURCES = test/unit/test_pool_variables.c test/unit/expect.h
test_unit_test_pool_variables_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_pool_variables_LDADD = $(LIBS_POOL) $(CMOCKA_LIBS)
endif
