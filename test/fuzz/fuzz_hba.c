/* The files that say who may come: HBA, identity maps, user list. The first byte says which. */
#include "fuzz.h"

#include "gate/hba.h"
#include "gate/userlist.h"

#include <string.h>

static void take_hba(struct bytes text)
{
    struct hba *hba = NULL;
    struct address peer;
    memset(&peer, 0, sizeof peer);
    if (failed(hba_parse("/nowhere/hba.conf", text, &hba)))
        return;
    struct hba_question question = {.peer = &peer, .is_unix = true, .database = "app", .user = "app"};
    (void)hba_find(hba, &question);
    (void)hba_wants_certificates(hba);
    hba_free(hba);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ident *ident = NULL;
    struct userlist *users = NULL;
    if (size < 1 || memmem(data, size, "@/", 2)) /* reads no file of the machine that it runs on */
        return 0;
    struct bytes text = bytes_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        take_hba(text);
        break;
    case 1:
        if (!failed(ident_parse("/nowhere/ident.conf", text, &ident))) {
            (void)ident_allows(ident, "map", "system", "app");
            ident_free(ident);
        }
        break;
    default:
        if (!failed(userlist_parse("/nowhere/userlist.txt", text, &users)))
            userlist_free(users);
        break;
    }
    return 0;
}
