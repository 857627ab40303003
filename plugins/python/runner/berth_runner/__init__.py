"""The Python runner of Berth.

    main.py      start, POST /.berth/init, which engine serves
    ahead.py     imports that need not wait for the init, without what few functions use
    loader.py    settings to a loaded handler
    libraries.py POST /.berth/prewarm: libraries imported before the function is known
    effects.py   what such an import has done that it should not; kept_time.py, captured.py are parts of it
    recording.py which modules a function imports when it is loaded; surroundings.py, deeds.py: on what that depends
    late.py      what libraries import when they are first called
    loads.py     being told of every module that is loaded
    shape.py     which kind of handler a callable is
    dial.py      the connection to the host
    threads.py   engine of plain handlers: a thread a slot
    events.py    engine of async handlers: one event loop, every slot on it
    loop.py      that event loop
    base.py      what the hot path is built on: _accelerator, in C, or reference.py, the same in Python
    protocol.py  HTTP/1.1: bytes in, bytes out, no sockets
    content.py   request bodies
    request.py   what a handler gets
    respond.py   what a handler returned, as a response
    asgi.py      responses that are ASGI applications
    asgi_app.py  app(scope, receive, send), its lifespan
    wsgi_app.py  app(environ, start_response)
    lambda_event.py   handler(event, context)
    websocket_app.py  ASGI's websocket protocol on a slot
    websocket.py      WebSocket frames: bytes in, bytes out, no sockets
    work.py      whether something still works that owes no answer
    output.py    standard output and error, line by line
    failure.py   exceptions as log lines and 500 answers

Nothing here imports asyncio or Starlette before a function needs it: a plain function's container starts without.
"""
