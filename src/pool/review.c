#include "pool/review.h"

#include "gate/standing.h"
#include "pool/client.h"

#include <stdlib.h>

static void review_judge(const struct review *review, struct client *client)
{
    char *lost = standing_lost(client->identity, review->gate);
    if (lost)
        client_dismiss(client, lost);
    else
        client_pardon(client);
    free(lost);
}

/* By slots: the list of guests is put in another order whenever one of them does something. */
static void review_go_on(void *arg)
{
    struct review *review = arg;
    const struct clientele *clientele = review->clientele;
    unsigned judged = 0;
    for (; review->slot < clientele->slot_count && judged < REVIEW_BATCH; review->slot++) {
        struct guest *guest = clientele->slots[review->slot];
        if (!guest)
            continue;
        review_judge(review, client_of_guest(guest));
        judged++;
    }
    if (review->slot < clientele->slot_count)
        timer_start(review->turn, 0);
}

void review_init(struct review *review, struct clientele *clientele, const struct gate *gate)
{
    *review = (struct review){.clientele = clientele, .gate = gate};
    review->turn = timer_new(clientele->place->loop, review_go_on, review);
}

void review_end(struct review *review)
{
    timer_free(review->turn);
}

void review_begin(struct review *review)
{
    review->slot = 0;
    review_go_on(review);
}
