const express = require("express");

const app = express();
app.get("/greet/:name", (req, res) => {
  res.json({ greeting: `Hello, ${req.params.name}` });
});

module.exports = app;
