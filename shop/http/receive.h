/* receive.h - what the library calls as connections come, requests grow, and answers have been read. `arg` is the struct http. */
#pragma once
#include "http/server.h"

void receive_client(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode what);
void *receive_target(void *arg, const char *target, struct MHD_Connection *connection);
enum MHD_Result receive_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
    const char *data, size_t *size, void **slot);
void receive_end(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode why);
size_t receive_decode(void *arg, struct MHD_Connection *connection, char *text);

/* The client's time is over. */
void receive_too_late(struct deadline *deadline);
