// Runs a function of docs/receiving.md on webhooks: reads one JSON object per line, and prints one per line.

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { webhookEvents } = await import(pathToFileURL(process.argv[2]));

for await (const line of createInterface({ input: process.stdin })) {
    const { headers, body, secrets } = JSON.parse(line);
    const events = webhookEvents(headers, Buffer.from(body, 'base64'), new Map(Object.entries(secrets)));
    process.stdout.write(`${JSON.stringify(events)}\n`);
}
