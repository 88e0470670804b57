#!/usr/bin/env python3
"""Answers each line with a number by its square, 20 ms later, to any number of askers at a time.

Listens on 127.0.0.1, prints its port, and ends when its input does. The other scripts start it themselves.
"""
import asyncio
import os
import sys
import threading

DELAY_S = 0.020


async def answer(reader, writer):
    number = int(await reader.readline())
    await asyncio.sleep(DELAY_S)
    writer.write(b"%d\n" % (number * number))
    await writer.drain()
    writer.close()


def await_end_of_input(loop, ended):
    """In a thread of its own: not all that can be an input can be waited for by an event loop."""
    os.read(sys.stdin.fileno(), 1)
    loop.call_soon_threadsafe(ended.set)


async def serve():
    ended = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=await_end_of_input, args=(asyncio.get_running_loop(), ended), daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve())
