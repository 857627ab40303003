// GET / | 200 | text/plain; charset=utf-8 | a module
import { readFile } from "node:fs/promises";

const own = await readFile(new URL(import.meta.url), "utf8");
export default async function (req, res) {
  return own.includes("export default") ? "a module" : "not itself";
}
