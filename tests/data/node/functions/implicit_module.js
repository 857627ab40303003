// GET / | 200 | application/json | {"os":"Linux"}
import os from "node:os";

export default () => ({ os: os.type() });
