bin_PROGRAMS += pgvouch
pgvouch_SOURCES = \
    src/app/attestation.c include/app/attestation.h \
    src/app/contexts.c include/app/contexts.h \
    src/app/daemon.c include/app/daemon.h \
    src/app/main.c \
    src/app/options.c include/app/options.h \
    src/app/process.c include/app/process.h
pgvouch_LDADD = $(LIBS_ADMIN) $(SYSTEMD_LIBS)

bin_PROGRAMS += vouch
vouch_SOURCES = \
    src/app/vouch.c \
    src/app/vouch_address.c include/app/vouch_address.h \
    src/app/vouch_asked.c include/app/vouch_asked.h \
    src/app/vouch_case.c include/app/vouch_case.h \
    src/app/vouch_cert.c include/app/vouch_command.h \
    src/app/vouch_certify.c include/app/vouch_certify.h \
    src/app/vouch_decode.c include/app/vouch_decode.h \
    src/app/vouch_decode_azure.c \
    src/app/vouch_decode_corim.c \
    src/app/vouch_decode_report.c \
    src/app/vouch_dial.c include/app/vouch_dial.h \
    src/app/vouch_explain.c include/app/vouch_explain.h \
    src/app/vouch_flags.c include/app/vouch_flags.h \
    src/app/vouch_identity.c include/app/vouch_identity.h \
    src/app/vouch_kds.c \
    src/app/vouch_machine.c include/app/vouch_machine.h \
    src/app/vouch_material.c include/app/vouch_material.h \
    src/app/vouch_nonce.c include/app/vouch_nonce.h \
    src/app/vouch_options.c include/app/vouch_options.h \
    src/app/vouch_options_evidence.c \
    src/app/vouch_options_kds.c \
    src/app/vouch_output.c include/app/vouch_output.h \
    src/app/vouch_pin.c include/app/vouch_pin.h \
    src/app/vouch_pin_text.c include/app/vouch_pin_text.h \
    src/app/vouch_policy.c \
    src/app/vouch_report.c \
    src/app/vouch_selftest.c \
    src/app/vouch_show.c \
    src/app/vouch_subject.c include/app/vouch_subject.h \
    src/app/vouch_usage.c \
    src/app/vouch_verify.c
vouch_LDADD = libwire.a $(LIBS_ATTEST)

# Writes the documents that are made from the tables of settings: see doc/local.mk.
noinst_PROGRAMS += settings-manual
settings_manual_SOURCES = include/app/manual.h \
    src/app/manual.c \
    src/app/manual_example.c \
    src/app/manual_man.c \
    src/app/manual_markdown.c \
    src/app/manual_text.c
settings_manual_LDADD = $(LIBS_CONFIG)

if UNIT_TESTS
check_PROGRAMS += test/unit/test_vouch_net
test_unit_test_vouch_net_SOURCES = test/unit/test_vouch_net.c test/unit/tls_pair.c test/unit/tls_pair.h \
    src/app/vouch_dial.c include/app/vouch_dial.h \
    src/app/vouch_nonce.c include/app/vouch_nonce.h
test_unit_test_vouch_net_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_vouch_net_LDADD = libwire.a $(LIBS_TLS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += test/unit/test_vouch_machine test/unit/test_vouch_options test/unit/test_vouch_output
test_unit_test_vouch_machine_SOURCES = test/unit/test_vouch_machine.c test/unit/tls_pair.c test/unit/tls_pair.h \
    src/app/vouch_machine.c include/app/vouch_machine.h
test_unit_test_vouch_machine_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_vouch_machine_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_vouch_options_SOURCES = test/unit/test_vouch_options.c \
    src/app/vouch_address.c include/app/vouch_address.h \
    src/app/vouch_flags.c include/app/vouch_flags.h \
    src/app/vouch_options.c include/app/vouch_options.h \
    src/app/vouch_options_evidence.c \
    src/app/vouch_options_kds.c
test_unit_test_vouch_options_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_vouch_options_LDADD = libtls.a $(LIBS_CONFIG) $(CMOCKA_LIBS)
test_unit_test_vouch_output_SOURCES = test/unit/test_vouch_output.c test/unit/tls_pair.c test/unit/tls_pair.h \
    src/app/vouch_identity.c include/app/vouch_identity.h \
    src/app/vouch_output.c include/app/vouch_output.h
test_unit_test_vouch_output_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_vouch_output_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
endif
