<?php

declare(strict_types=1);

/*
 * A webhook receiver. It writes its port to stdout, and every request as a line of JSON to the given
 * file. The path selects the response: /status/503/... gets a 503, /flaky/2/... fails twice,
 * /hang/... gets none, and /drip/... gets one that arrives byte by byte and never ends.
 */

$log = fopen($argv[1], 'a');
$server = stream_socket_server('tcp://127.0.0.1:0');
$name = (string) stream_socket_get_name($server, false);

echo substr((string) strrchr($name, ':'), 1)."\n";

/** @var array<int, array{0: resource, 1: string}> $clients Connections with the bytes that they have sent so far. */
$clients = [];
$failures = [];
$dripping = [];

$answer = static function (string $path) use (&$failures): int {
    return match (true) {
        preg_match('~^/status/(\d{3})~', $path, $match) === 1 => (int) $match[1],
        preg_match('~^/(hang|drip)/~', $path) === 1 => 0,
        preg_match('~^/flaky/(\d+)~', $path, $match) === 1 => ($failures[$path] = ($failures[$path] ?? 0) + 1) > (int) $match[1] ? 200 : 500,
        default => 200,
    };
};

while (true) {
    $readable = [STDIN, $server, ...array_column($clients, 0)];
    $none = null;
    stream_select($readable, $none, $none, $dripping === [] ? null : 0, $dripping === [] ? null : 50_000);

    foreach ($dripping as $stream) {
        @fwrite($stream, '.');
    }

    foreach ($readable as $stream) {
        if ($stream === STDIN) {
            unlink($argv[1]);

            exit;
        }

        if ($stream === $server) {
            $client = stream_socket_accept($server);
            stream_set_blocking($client, false);
            $clients[(int) $client] = [$client, ''];

            continue;
        }

        $id = (int) $stream;
        $bytes = fread($stream, 65536);

        if ($bytes === '' || $bytes === false) {
            unset($clients[$id], $dripping[$id]);
            fclose($stream);

            continue;
        }

        $clients[$id][1] .= $bytes;

        while (isset($clients[$id]) && preg_match('/^(.*?)\r\n\r\n/s', $clients[$id][1], $match) === 1) {
            $lines = explode("\r\n", $match[1]);
            [$method, $path] = explode(' ', (string) array_shift($lines));
            $headers = [];

            foreach ($lines as $line) {
                [$field, $value] = explode(':', $line, 2);
                $headers[strtolower($field)] = trim($value);
            }

            $length = (int) ($headers['content-length'] ?? 0);
            $start = strlen($match[0]);

            if (strlen($clients[$id][1]) < $start + $length) {
                break;
            }

            $body = substr($clients[$id][1], $start, $length);
            $clients[$id][1] = substr($clients[$id][1], $start + $length);
            $status = $answer($path);

            fwrite($log, json_encode(compact('method', 'path', 'headers', 'body', 'status') + ['at' => microtime(true)])."\n");

            if ($status === 0) {
                if (str_starts_with($path, '/drip/')) {
                    fwrite($stream, "HTTP/1.1 200 Answer\r\nX-Slow: ");
                    $dripping[$id] = $stream;
                }

                continue;
            }

            // A failure has a body with a control character and the secret of the tests' application.
            $text = $status >= 400 ? "Oops:\r\n no \x1b[1mdatabase, secret-1" : '';
            fwrite($stream, "HTTP/1.1 {$status} Answer\r\nContent-Length: ".strlen($text)."\r\n\r\n{$text}");

            if (strtolower($headers['connection'] ?? '') === 'close') {
                unset($clients[$id]);
                fclose($stream);
            }
        }
    }
}
