// GET / | 200 | image/gif | GIF89a
export async function handler(event) {
  return { statusCode: 200, headers: { "content-type": "image/gif" }, isBase64Encoded: true, body: Buffer.from("GIF89a").toString("base64") };
}
