<?php

declare(strict_types=1);

namespace Demo\Driver;

use Closure;
use Revolt\EventLoop;
use RuntimeException;

/**
 * A WebSocket client as far as the demo needs one (RFC 6455): messages of text in one frame each,
 * below 64 KiB, no extensions.
 */
final class WebSocket
{
    private const int TEXT = 0x1;

    private const int CLOSE = 0x8;

    private const int PING = 0x9;

    private const int PONG = 0xA;

    private const float PATIENCE = 5.0;

    private string $buffer = '';

    /**
     * @param  resource  $stream
     */
    private function __construct(private readonly mixed $stream) {}

    /**
     * Connect and shake hands (section 4.1).
     */
    public static function connect(int $port, string $path): self
    {
        $stream = stream_socket_client("tcp://127.0.0.1:{$port}", $_, $error, self::PATIENCE)
            ?: throw new RuntimeException("no connection to port {$port}: {$error}");
        stream_set_blocking($stream, false);

        $socket = new self($stream);
        $key = base64_encode(random_bytes(16));
        $socket->write(implode("\r\n", [
            "GET {$path} HTTP/1.1",
            "Host: 127.0.0.1:{$port}",
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Version: 13',
            "Sec-WebSocket-Key: {$key}",
        ])."\r\n\r\n");

        $answer = $socket->await(function () use ($socket): ?string {
            [$head, $rest] = explode("\r\n\r\n", $socket->buffer, 2) + [1 => null];

            if ($rest === null) {
                return null;
            }

            $socket->buffer = $rest;

            return $head;
        });

        $accept = base64_encode(sha1($key.'258EAFA5-E914-47DA-95CA-C5AB0DC85B11', true));

        if (! str_starts_with($answer, 'HTTP/1.1 101') || ! str_contains($answer, $accept)) {
            throw new RuntimeException("the server does not speak WebSocket: {$answer}");
        }

        return $socket;
    }

    /**
     * Wait for the next message.
     */
    public function receive(): string
    {
        return $this->await($this->nextMessage(...));
    }

    /**
     * Hear every message from now on.
     *
     * @param  Closure(string): void  $onMessage
     */
    public function onMessage(Closure $onMessage): void
    {
        EventLoop::onReadable($this->stream, function (string $id) use ($onMessage): void {
            if (! $this->read()) {
                EventLoop::cancel($id);
                fclose($this->stream);

                return;
            }

            while (($message = $this->nextMessage()) !== null) {
                $onMessage($message);
            }
        });
    }

    /**
     * Send a message.
     */
    public function send(string $message): void
    {
        $this->sendFrame(self::TEXT, $message);
    }

    /**
     * Begin the closing handshake with code 1000; the server closes the connection after it.
     */
    public function close(): void
    {
        $this->sendFrame(self::CLOSE, pack('n', 1000));
    }

    /**
     * Every frame of a client is masked (section 5.3).
     */
    private function sendFrame(int $opcode, string $payload): void
    {
        $length = strlen($payload);
        $mask = random_bytes(4);

        $this->write(
            chr(0x80 | $opcode)
            .($length < 126 ? chr(0x80 | $length) : chr(0x80 | 126).pack('n', $length))
            .$mask
            .($payload ^ str_pad('', $length, $mask)),
        );
    }

    /**
     * Take the next message off the buffer, and answer the pings before it.
     */
    private function nextMessage(): ?string
    {
        while (($frame = $this->nextFrame()) !== null) {
            [$opcode, $payload] = $frame;

            if ($opcode === self::TEXT) {
                return $payload;
            }

            if ($opcode === self::PING) {
                $this->sendFrame(self::PONG, $payload);
            }
        }

        return null;
    }

    /**
     * Take the next frame off the buffer, once it is complete; a server's are not masked.
     *
     * @return array{0: int, 1: string}|null opcode and payload
     */
    private function nextFrame(): ?array
    {
        $start = 2;

        if (strlen($this->buffer) < $start) {
            return null;
        }

        $length = ord($this->buffer[1]) & 0x7F;

        if ($length === 126) {
            $start = 4;

            if (strlen($this->buffer) < $start) {
                return null;
            }

            $length = unpack('n', $this->buffer, 2)[1];
        }

        if (strlen($this->buffer) < $start + $length) {
            return null;
        }

        $frame = [ord($this->buffer[0]) & 0x0F, substr($this->buffer, $start, $length)];
        $this->buffer = substr($this->buffer, $start + $length);

        return $frame;
    }

    /**
     * Read until there is what we wait for.
     *
     * @param  Closure(): ?string  $next
     */
    private function await(Closure $next): string
    {
        $suspension = EventLoop::getSuspension();

        while (($found = $next()) === null) {
            $readable = EventLoop::onReadable($this->stream, fn () => $suspension->resume(true));
            $alarm = EventLoop::delay(self::PATIENCE, fn () => $suspension->resume(false));
            $inTime = $suspension->suspend();
            EventLoop::cancel($readable);
            EventLoop::cancel($alarm);

            if (! $inTime || ! $this->read()) {
                throw new RuntimeException('the server did not answer');
            }
        }

        return $found;
    }

    /**
     * Read what has come; false at the end of the connection.
     */
    private function read(): bool
    {
        $chunk = (string) @fread($this->stream, 65_536);
        $this->buffer .= $chunk;

        return $chunk !== '' || ! feof($this->stream);
    }

    /**
     * What the demo says fits into the buffer of any socket.
     */
    private function write(string $bytes): void
    {
        if (@fwrite($this->stream, $bytes) !== strlen($bytes)) {
            throw new RuntimeException('the server has gone');
        }
    }
}
