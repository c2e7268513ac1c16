noinst_LIBRARIES += libgate.a
libgate_a_SOURCES = \
    src/gate/admission.c include/gate/admission.h \
    src/gate/backend_auth.c include/gate/backend_auth.h \
    src/gate/client_auth.c include/gate/client_auth.h \
    src/gate/credentials.c include/gate/credentials.h \
    src/gate/door.c include/gate/door.h \
    src/gate/examination.c include/gate/examination.h \
    src/gate/gate.c include/gate/gate.h \
    src/gate/hba.c include/gate/hba.h \
    src/gate/ident.c \
    src/gate/identity.c include/gate/identity.h \
    src/gate/login.c include/gate/login.h \
    src/gate/md5.c include/gate/md5.h \
    src/gate/password_exchange.c include/gate/password_exchange.h \
    src/gate/proof.c include/gate/proof.h \
    src/gate/rules.c include/gate/rules.h \
    src/gate/scram_client.c src/gate/scram_server.c src/gate/scram_secret.c include/gate/scram.h \
    src/gate/scram_math.c include/gate/scram_math.h \
    src/gate/secret_cache.c include/gate/secret_cache.h \
    src/gate/standing.c include/gate/standing.h \
    src/gate/startup_packet.c include/gate/startup_packet.h \
    src/gate/startup_parameters.c include/gate/startup_parameters.h \
    src/gate/text_file.c include/gate/text_file.h \
    src/gate/turnstile.c include/gate/turnstile.h \
    src/gate/userlist.c include/gate/userlist.h \
    src/gate/words.c include/gate/words.h

if UNIT_TESTS
check_PROGRAMS += \
    test/unit/test_gate_backend_auth \
    test/unit/test_gate_client_auth \
    test/unit/test_gate_hba \
    test/unit/test_gate_kept_keys \
    test/unit/test_gate_proof \
    test/unit/test_gate_rules \
    test/unit/test_gate_scram_client \
    test/unit/test_gate_scram_secret \
    test/unit/test_gate_scram_server \
    test/unit/test_gate_turnstile \
    test/unit/test_gate_userlist
test_unit_test_gate_backend_auth_SOURCES = test/unit/test_gate_backend_auth.c test/unit/expect.h
test_unit_test_gate_backend_auth_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_backend_auth_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_client_auth_SOURCES = test/unit/test_gate_client_auth.c test/unit/expect.h
test_unit_test_gate_client_auth_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_client_auth_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_hba_SOURCES = test/unit/test_gate_hba.c test/unit/expect.h
test_unit_test_gate_hba_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_hba_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_proof_SOURCES = test/unit/test_gate_proof.c test/unit/expect.h test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_gate_proof_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_proof_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_rules_SOURCES = test/unit/test_gate_rules.c test/unit/expect.h
test_unit_test_gate_rules_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_rules_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
SCRAM_VECTOR = test/unit/scram_vector.c test/unit/scram_vector.h test/unit/expect.h
test_unit_test_gate_scram_client_SOURCES = test/unit/test_gate_scram_client.c $(SCRAM_VECTOR)
test_unit_test_gate_scram_client_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_scram_client_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_scram_secret_SOURCES = test/unit/test_gate_scram_secret.c test/unit/expect.h
test_unit_test_gate_scram_secret_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_scram_secret_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_scram_server_SOURCES = test/unit/test_gate_scram_server.c $(SCRAM_VECTOR)
test_unit_test_gate_scram_server_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_scram_server_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_userlist_SOURCES = test/unit/test_gate_userlist.c test/unit/expect.h
test_unit_test_gate_userlist_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_userlist_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_kept_keys_SOURCES = test/unit/test_gate_kept_keys.c
test_unit_test_gate_kept_keys_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_kept_keys_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
test_unit_test_gate_turnstile_SOURCES = test/unit/test_gate_turnstile.c
test_unit_test_gate_turnstile_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_gate_turnstile_LDADD = $(LIBS_GATE) $(CMOCKA_LIBS)
endif
