// GET / | 204 |  |
module.exports = () => null;
