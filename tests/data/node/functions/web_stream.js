// GET / | 200 | text/event-stream | data: 2
exports.fetch = async () => {
  const stream = new ReadableStream({
    async start(controller) {
      for (const number of [1, 2]) controller.enqueue(new TextEncoder().encode(`data: ${number}\n\n`));
      controller.close();
    },
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
};
