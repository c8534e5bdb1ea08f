// Says which features of a mail's HTML, read from the standard input, which programs lack: {"feature": ["client", …]}.
import { readFileSync } from "node:fs";
import { caniemail } from "caniemail";

const clients = ["gmail.*", "outlook.windows", "outlook.macos", "outlook.outlook-com", "apple-mail.*", "yahoo.*"];
const lacking = {};
for (const [client, issues] of caniemail({ clients, html: readFileSync(0, "utf8") }).issues.errors) {
  for (const { title } of issues) (lacking[title] ??= []).push(client);
}
process.stdout.write(JSON.stringify(lacking));
