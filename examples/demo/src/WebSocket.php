<?php

declare(strict_types=1);

namespace Demo;

use RuntimeException;
use Tests\Support\Wait;

/**
 * A WebSocket client (RFC 6455) that sends text of less than 64 KiB. It searches the received bytes for patterns without
 * parsing frames, because a server does not mask frames and, without extensions, does not compress them.
 */
final class WebSocket
{
    private const int TEXT = 0x1;

    private const int CLOSE = 0x8;

    /**
     * @var resource
     */
    private readonly mixed $stream;

    private string $received = '';

    /**
     * Connect as soon as the server listens, and perform the handshake.
     */
    public function __construct(int $port, string $path)
    {
        $this->stream = Wait::until(fn () => @stream_socket_client("tcp://127.0.0.1:{$port}"), "a server on port {$port}");
        stream_set_blocking($this->stream, false);

        $key = base64_encode(random_bytes(16));
        $this->write(implode("\r\n", [
            "GET {$path} HTTP/1.1",
            "Host: 127.0.0.1:{$port}",
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Version: 13',
            "Sec-WebSocket-Key: {$key}",
        ])."\r\n\r\n");

        $accept = base64_encode(sha1($key.'258EAFA5-E914-47DA-95CA-C5AB0DC85B11', true));
        $this->awaitMatch('/^HTTP\/1\.1 101.*('.preg_quote($accept, '/').')/s');
    }

    /**
     * Send a message, or start the closing handshake with null.
     */
    public function send(?string $message): void
    {
        $this->read();
        $this->received = '';

        [$opcode, $payload] = $message === null ? [self::CLOSE, pack('n', 1000)] : [self::TEXT, $message];
        $length = strlen($payload);
        $mask = random_bytes(4);

        $this->write(
            chr(0x80 | $opcode)
            .($length < 126 ? chr(0x80 | $length) : chr(0x80 | 126).pack('n', $length))
            .$mask.($payload ^ str_pad('', $length, $mask)),
        );
    }

    /**
     * Wait for a pattern in the received bytes. Returns the match of its first group.
     */
    public function awaitMatch(string $pattern): string
    {
        $match = [];

        Wait::until(function () use ($pattern, &$match): bool {
            $this->read();

            return preg_match($pattern, $this->received, $match) === 1;
        }, fn () => "{$pattern} in {$this->received}");

        return $match[1];
    }

    /**
     * Read the available bytes, so that the server never waits for this client.
     */
    private function read(): void
    {
        $this->received .= stream_get_contents($this->stream);

        if (str_contains($this->received, 'pusher:error')) {
            throw new RuntimeException("The server refused a message: {$this->received}");
        }
    }

    private function write(string $bytes): void
    {
        if (@fwrite($this->stream, $bytes) !== strlen($bytes)) {
            throw new RuntimeException('The server has closed the connection.');
        }
    }
}
