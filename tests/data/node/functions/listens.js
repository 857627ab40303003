// GET / | 200 | text/plain | listens at 3000
const http = require("http");

const server = http.createServer((req, res) => {
  res.statusCode = 200;
  res.setHeader("Content-Type", "text/plain");
  res.end(`listens at ${server.address().port}`);
});

setTimeout(() => server.listen(3000, "127.0.0.1", () => console.log("the server runs")), 10);
