/* nothing.c - the static program that start.c executes. */
#include <unistd.h>

int main(void)
{
    _exit(7);
}
