// POST /x?y=1 hello | 203 | text/plain;charset=UTF-8 | POST /x?y=1 hello 1
let count = 0;
export default {
  async fetch(request) {
    const url = new URL(request.url);
    return new Response(`${request.method} ${url.pathname}${url.search} ${await request.text()} ${++count}`, { status: 203 });
  },
};
