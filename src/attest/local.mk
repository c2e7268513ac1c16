noinst_LIBRARIES += libattest.a
libattest_a_SOURCES = \
    src/attest/attest.c include/attest/attest.h \
    src/attest/attester.c include/attest/attester.h \
    src/attest/azure_verify.c include/attest/azure_verify.h \
    src/attest/basis.c include/attest/basis.h \
    src/attest/base64url.c include/attest/base64url.h \
    src/attest/bucket.c include/attest/bucket.h \
    src/attest/bind.c include/attest/bind.h \
    src/attest/cbor.c include/attest/cbor.h \
    src/attest/challenge.c include/attest/challenge.h \
    src/attest/check_json.c include/attest/check_json.h \
    src/attest/cmw.c include/attest/cmw.h \
    src/attest/cmw_json.c include/attest/cmw_json.h \
    src/attest/corim.c include/attest/corim.h \
    src/attest/corim_comid.c include/attest/corim_comid.h \
    src/attest/corim_item.c include/attest/corim_item.h \
    src/attest/corim_snp.c include/attest/corim_snp.h \
    src/attest/cose.c include/attest/cose.h \
    src/attest/cose_signers.c include/attest/cose_signers.h \
    src/attest/crls.c include/attest/crls.h \
    src/attest/digest.c include/attest/digest.h \
    src/attest/eat.c include/attest/eat.h \
    src/attest/evidence.c include/attest/evidence.h \
    src/attest/evidence_alone.c include/attest/evidence_alone.h \
    src/attest/evidence_azure.c include/attest/evidence_azure.h \
    src/attest/evidence_dice.c include/attest/evidence_foreign.h \
    src/attest/evidence_format.c include/attest/evidence_format.h \
    src/attest/evidence_go_eat.c \
    src/attest/evidence_make.c \
    src/attest/evidence_raw.c \
    src/attest/hcl.c src/attest/hcl_claims.c include/attest/hcl.h \
    src/attest/pace.c include/attest/pace.h \
    src/attest/plan.c include/attest/plan.h \
    src/attest/provider.c include/attest/provider.h include/attest/provider_kind.h \
    src/attest/provider_azure.c include/attest/provider_azure.h \
    src/attest/provider_sev_guest.c include/attest/provider_sev_guest.h \
    src/attest/provider_simulated.c include/attest/provider_simulated.h \
    src/attest/provider_tsm.c include/attest/provider_tsm.h \
    src/attest/journal.c include/attest/journal.h \
    src/attest/journal_line.c include/attest/journal_line.h \
    src/attest/kds.c include/attest/kds.h \
    src/attest/kds_folder.c include/attest/kds_folder.h \
    src/attest/kds_notes.c include/attest/kds_notes.h \
    src/attest/kds_options.c include/attest/kds_options.h \
    src/attest/kds_store.c include/attest/kds_store.h \
    src/attest/kds_thread.c include/attest/kds_thread.h \
    src/attest/kds_transfer.c include/attest/kds_transfer.h \
    src/attest/nonces.c include/attest/nonces.h \
    src/attest/judge.c include/attest/judge.h \
    src/attest/policy.c include/attest/policy.h \
    src/attest/demand_bits.c src/attest/demand_pcrs.c src/attest/demand_values.c src/attest/demand_version.c include/attest/demand.h \
    src/attest/policy_contradictions.c include/attest/policy_contradictions.h \
    src/attest/policy_corim.c include/attest/policy_corim.h \
    src/attest/policy_keys.c include/attest/policy_key.h \
    src/attest/policy_lists.c include/attest/policy_lists.h \
    src/attest/policy_measurements.c include/attest/policy_measurements.h \
    src/attest/policy_place.c include/attest/policy_place.h \
    src/attest/policy_products.c include/attest/policy_products.h \
    src/attest/policy_read.c include/attest/policy_read.h \
    src/attest/policy_scalars.c include/attest/policy_scalars.h \
    src/attest/printable.c include/attest/printable.h \
    src/attest/readiness.c include/attest/readiness.h \
    src/attest/small_file.c include/attest/small_file.h \
    src/attest/tpm_quote.c include/attest/tpm_quote.h \
    src/attest/veks.c include/attest/veks.h \
    src/attest/verdict.c include/attest/verdict.h \
    src/attest/verified.c include/attest/verified.h \
    src/attest/verifier.c include/attest/verifier.h \
    src/attest/staple.c include/attest/staple.h \
    src/attest/tree.c include/attest/tree.h

if UNIT_TESTS
check_PROGRAMS += test/unit/test_attest_attester test/unit/test_attest_authority test/unit/test_attest_renewal
check_PROGRAMS += test/unit/test_attest_bind test/unit/test_attest_cbor \
    test/unit/test_attest_cmw test/unit/test_attest_devices test/unit/test_attest_digest test/unit/test_attest_evidence \
    test/unit/test_attest_provider
ATTESTER_SCENE = test/unit/attester_scene.c test/unit/attester_scene.h test/unit/provider_stand_in.c \
    test/unit/provider_stand_in.h
test_unit_test_attest_attester_SOURCES = test/unit/test_attest_attester.c $(ATTESTER_SCENE)
test_unit_test_attest_attester_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_attester_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=provider_open
test_unit_test_attest_attester_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_authority_SOURCES = test/unit/test_attest_authority.c $(ATTESTER_SCENE) \
    test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_authority_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_authority_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=provider_open
test_unit_test_attest_authority_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_renewal_SOURCES = test/unit/test_attest_renewal.c $(ATTESTER_SCENE)
test_unit_test_attest_renewal_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_renewal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=provider_open
test_unit_test_attest_renewal_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_bind_SOURCES = test/unit/test_attest_bind.c test/unit/attest_bytes.h
test_unit_test_attest_bind_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_bind_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_cbor_SOURCES = test/unit/test_attest_cbor.c test/unit/attest_bytes.h
test_unit_test_attest_cbor_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_cbor_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_cmw_SOURCES = test/unit/test_attest_cmw.c test/unit/attest_bytes.h
test_unit_test_attest_cmw_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_cmw_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_devices_SOURCES = test/unit/test_attest_devices.c test/unit/tsm_stand_in.c \
    test/unit/tsm_stand_in.h test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_devices_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_devices_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mkdir -Wl,--wrap=rmdir -Wl,--wrap=ioctl \
    -Wl,--wrap=clock_monotonic_us
test_unit_test_attest_devices_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_digest_SOURCES = test/unit/test_attest_digest.c test/unit/tls_pair.c test/unit/tls_pair.h \
    test/unit/attest_bytes.h
test_unit_test_attest_digest_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_digest_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_evidence_SOURCES = test/unit/test_attest_evidence.c test/unit/provider_stand_in.c \
    test/unit/provider_stand_in.h test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_evidence_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_evidence_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_kds test/unit/test_attest_kds_store
test_unit_test_attest_kds_store_SOURCES = test/unit/test_attest_kds_store.c test/unit/snp_forge.c test/unit/snp_forge.h
test_unit_test_attest_kds_store_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_kds_store_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_kds_SOURCES = test/unit/test_attest_kds.c
test_unit_test_attest_kds_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_kds_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_provider_SOURCES = test/unit/test_attest_provider.c test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_provider_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_provider_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_azure test/unit/test_attest_hcl
test_unit_test_attest_hcl_SOURCES = test/unit/test_attest_hcl.c test/unit/azure_forge.c test/unit/azure_forge.h \
    test/unit/snp_forge.c test/unit/snp_forge.h
test_unit_test_attest_hcl_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_hcl_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
SIMULATED = test/unit/simulated.c test/unit/simulated.h
test_unit_test_attest_azure_SOURCES = test/unit/test_attest_azure.c $(SIMULATED) test/unit/azure_forge.c test/unit/azure_forge.h \
    test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_azure_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_azure_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_pace
test_unit_test_attest_pace_SOURCES = test/unit/test_attest_pace.c
test_unit_test_attest_pace_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_pace_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_corpus
test_unit_test_attest_corpus_SOURCES = test/unit/test_attest_corpus.c test/unit/snp_forge.c test/unit/snp_forge.h
test_unit_test_attest_corpus_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_corpus_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_verified
test_unit_test_attest_verified_SOURCES = test/unit/test_attest_verified.c $(SIMULATED) test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_verified_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_verified_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_basis
test_unit_test_attest_basis_SOURCES = test/unit/test_attest_basis.c test/unit/snp_forge.c test/unit/snp_forge.h
test_unit_test_attest_basis_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_basis_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_missing
test_unit_test_attest_missing_SOURCES = test/unit/test_attest_missing.c $(SIMULATED) test/unit/snp_forge.c \
    test/unit/snp_forge.h test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_missing_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_missing_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=checklist_add -Wl,--wrap=checklist_addf
test_unit_test_attest_missing_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_dice test/unit/test_attest_formats test/unit/test_attest_go_eat
EVIDENCE_SCENE = test/unit/evidence_scene.c test/unit/evidence_scene.h $(SIMULATED) test/unit/tls_pair.c \
    test/unit/tls_pair.h
test_unit_test_attest_dice_SOURCES = test/unit/test_attest_dice.c $(EVIDENCE_SCENE)
test_unit_test_attest_dice_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_dice_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_formats_SOURCES = test/unit/test_attest_formats.c $(EVIDENCE_SCENE)
test_unit_test_attest_formats_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_formats_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_go_eat_SOURCES = test/unit/test_attest_go_eat.c $(EVIDENCE_SCENE)
test_unit_test_attest_go_eat_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_go_eat_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_eat test/unit/test_attest_hostile
test_unit_test_attest_eat_SOURCES = test/unit/test_attest_eat.c $(SIMULATED) test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_eat_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_eat_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_hostile_SOURCES = test/unit/test_attest_hostile.c test/unit/cbor_documents.c \
    test/unit/cbor_documents.h
test_unit_test_attest_hostile_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_hostile_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
check_PROGRAMS += test/unit/test_attest_policy \
    test/unit/test_attest_policy_files \
    test/unit/test_attest_policy_contradictions \
    test/unit/test_attest_challenge \
    test/unit/test_attest_policy_values \
    test/unit/test_attest_policy_yaml \
    test/unit/test_attest_demands \
    test/unit/test_attest_judge \
    test/unit/test_attest_nonces \
    test/unit/test_attest_verdict \
    test/unit/test_attest_verifier \
    test/unit/test_attest_journal
test_unit_test_attest_policy_SOURCES = test/unit/test_attest_policy.c test/unit/policy_text.h
test_unit_test_attest_policy_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_policy_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_policy_contradictions_SOURCES = test/unit/test_attest_policy_contradictions.c test/unit/policy_text.h
test_unit_test_attest_policy_contradictions_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_policy_contradictions_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_challenge_SOURCES = test/unit/test_attest_challenge.c test/unit/policy_text.h
test_unit_test_attest_challenge_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_challenge_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_policy_files_SOURCES = test/unit/test_attest_policy_files.c test/unit/policy_text.h \
    test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_policy_files_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_policy_files_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_policy_values_SOURCES = test/unit/test_attest_policy_values.c test/unit/policy_text.h
test_unit_test_attest_policy_values_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_policy_values_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_policy_yaml_SOURCES = test/unit/test_attest_policy_yaml.c test/unit/policy_text.h
test_unit_test_attest_policy_yaml_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_policy_yaml_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_demands_SOURCES = test/unit/test_attest_demands.c
test_unit_test_attest_demands_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_demands_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_judge_SOURCES = test/unit/test_attest_judge.c
test_unit_test_attest_judge_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_judge_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_nonces_SOURCES = test/unit/test_attest_nonces.c
test_unit_test_attest_nonces_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_nonces_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_verdict_SOURCES = test/unit/test_attest_verdict.c
test_unit_test_attest_verdict_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_verdict_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_verifier_SOURCES = test/unit/test_attest_verifier.c test/unit/provider_stand_in.c \
    test/unit/provider_stand_in.h test/unit/snp_forge.c test/unit/snp_forge.h test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_verifier_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_verifier_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
test_unit_test_attest_journal_SOURCES = test/unit/test_attest_journal.c test/unit/tls_pair.c test/unit/tls_pair.h
test_unit_test_attest_journal_CFLAGS = $(AM_CFLAGS) $(UNIT_CFLAGS)
test_unit_test_attest_journal_LDADD = $(LIBS_ATTEST) $(CMOCKA_LIBS)
endif
