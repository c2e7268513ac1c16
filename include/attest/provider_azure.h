/*
 * provider_azure.h: reports of an Azure confidential virtual machine, whose paravisor keeps them in the virtual TPM.
 *
 * Through tpm2-tss; a build without it has no such provider.
 */
#ifndef ATTEST_PROVIDER_AZURE_H
#define ATTEST_PROVIDER_AZURE_H

#include "attest/provider.h"

/* Opens the TPM that `tpm` names as tpm2-tss names them: "device:/dev/tpmrm0". It stays open: devices belong to root.
 * ERR_NOT_FOUND: there is none, it cannot be opened, or it holds no report of a paravisor's; ERR_UNSUPPORTED: built
 * without tpm2-tss. *out is the caller's. Sets TSS2_LOG when it is not set: before there are threads. */
struct err provider_azure_open(const char *tpm, struct provider **out) MUST_CHECK;

#endif
