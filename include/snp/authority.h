/*
 * authority.h: what AMD's authorities (ARK, ASK, ASVK) and their signatures have to be.
 *
 * Any thread.
 */
#ifndef SNP_AUTHORITY_H
#define SNP_AUTHORITY_H

#include "snp/certificate.h"

/* Whether a certificate's (or list's) signature algorithm is RSASSA-PSS, SHA-384, MGF1-SHA-384, salt 48. */
bool snp_algorithm_is_amd_pss(const X509_ALGOR *algorithm);

bool snp_key_is_rsa_4096(const EVP_PKEY *key);

/* ERR_INPUT when a certificate is not of a CA that may sign certificates, has an extension twice, badly encoded, or
 * critical and unknown, or a time that cannot be read. Says nothing of names, keys or signatures. */
struct err snp_authority_check(X509 *certificate) MUST_CHECK;

/* Whether `issuer` signed the certificate, with AMD's algorithm. Names are not looked at. */
bool snp_certificate_is_signed_by(X509 *certificate, EVP_PKEY *issuer);

/* ERR_INPUT when it is not a self-signed ARK: "ARK-<product line>", RSA-4096, AMD's algorithm. */
struct err snp_ark_check(X509 *certificate) MUST_CHECK;

#endif
