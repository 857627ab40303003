// GET /here | 200 | text/html | <p>/here</p>
const http = require("node:http");

module.exports = http.createServer((req, res) => {
  res.setHeader("Content-Type", "text/html");
  res.end(`<p>${req.url}</p>`);
});
