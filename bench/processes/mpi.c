/* mpi.c - the same between two ranks of MPI, blocking calls, no options: rank 0 is the owner, rank 1 the worker.
 *
 *     mpi echo BYTES PLACE PAUSE_US SECONDS     a payload there and back
 *     mpi empty N PLACE SECONDS                 N messages of 64 bytes there, then N replies back */
#include "bench.h"
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORK, STOP };        /* tags */

static size_t size, n = 1;
static void *data;
static uint64_t round_no;

static void serve(void)
{
    for (;;) {
        MPI_Status status;
        MPI_Recv(data, (int)size, MPI_BYTE, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        if (status.MPI_TAG == STOP)
            return;
        payload_answer(data, size);
        MPI_Send(data, (int)size, MPI_BYTE, 0, WORK, MPI_COMM_WORLD);
    }
}

static void trip(void)
{
    MPI_Send(data, (int)size, MPI_BYTE, 1, WORK, MPI_COMM_WORLD);
    MPI_Recv(data, (int)size, MPI_BYTE, 1, WORK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void echo_once(void *arg)
{
    (void)arg;
    payload_stamp(data, size, ++round_no);
    trip();
    payload_check(data, size, round_no);
}

static void empty_once(void *arg)
{
    (void)arg;
    uint64_t first = round_no;
    for (size_t i = 0; i < n; i++) {
        payload_stamp(data, size, ++round_no);
        MPI_Send(data, (int)size, MPI_BYTE, 1, WORK, MPI_COMM_WORLD);
    }
    for (size_t i = 0; i < n; i++) {
        MPI_Recv(data, (int)size, MPI_BYTE, 1, WORK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        payload_check(data, size, ++first);
    }
}

static void own(void (*once)(void *arg), int64_t pause_us, double seconds)
{
    struct times t = pause_us ? measure_after_pause(once, NULL, pause_us, seconds) : measure(once, NULL, n, seconds);
    payload_fill(data, size);
    payload_stamp(data, size, ++round_no);
    trip();
    payload_check_all(data, size, round_no);
    MPI_Send(data, (int)size, MPI_BYTE, 1, STOP, MPI_COMM_WORLD);
    print_times(t);
}

int main(int argc, char **argv)
{
    bool is_echo = argc == 6 && strcmp(argv[1], "echo") == 0, is_empty = argc == 5 && strcmp(argv[1], "empty") == 0;
    int rank, ranks;
    if (!is_echo && !is_empty) {
        fputs("usage: mpi echo BYTES PLACE PAUSE_US SECONDS, or: mpi empty N PLACE SECONDS; two ranks\n", stderr);
        return 2;
    }
    struct place place = place_of(argv[3]);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks != 2)
        wrong("there must be two ranks");
    size = is_echo ? strtoul(argv[2], NULL, 10) : 64;
    n = is_echo ? 1 : strtoul(argv[2], NULL, 10);
    data = private_memory(size);
    payload_fill(data, size);
    pin_all_threads(rank == 0 ? place.owner : place.worker);
    if (rank == 1)
        serve();
    else if (is_echo)
        own(echo_once, atoll(argv[4]), atof(argv[5]));
    else
        own(empty_once, 0, atof(argv[4]));
    MPI_Finalize();
    return 0;
}
