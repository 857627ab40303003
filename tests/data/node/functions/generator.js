// GET / | 200 | text/plain; charset=utf-8 | 3 2 1 lift-off
module.exports = async function* () {
  for (const number of [3, 2, 1]) yield `${number} `;
  yield "lift-off";
};
