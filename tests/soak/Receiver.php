<?php

declare(strict_types=1);

namespace Tests\Soak;

use Revolt\EventLoop;

/**
 * A receiver on the event loop that counts events. It answers as its mode says.
 */
final class Receiver
{
    private const float SLOW = 0.5;

    public ReceiverMode $mode = ReceiverMode::Working;

    public private(set) int $requests = 0;

    public private(set) int $events = 0;

    private readonly string $address;

    /**
     * Connections that get no answer.
     *
     * @var array<int, resource>
     */
    private array $waiting = [];

    public function __construct()
    {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        stream_set_blocking($server, false);
        $this->address = (string) stream_socket_get_name($server, false);

        EventLoop::unreference(EventLoop::onReadable($server, function () use ($server): void {
            if (($client = @stream_socket_accept($server, 0)) !== false) {
                $this->serve($client);
            }
        }));
    }

    public function url(): string
    {
        return "http://{$this->address}/";
    }

    /**
     * Work again, and close the connections that got no answer.
     */
    public function recover(): void
    {
        $this->mode = ReceiverMode::Working;

        // Their readers see the end and close them.
        foreach ($this->waiting as $client) {
            stream_socket_shutdown($client, STREAM_SHUT_RDWR);
        }
    }

    /**
     * @param  resource  $client
     */
    private function serve(mixed $client): void
    {
        stream_set_blocking($client, false);
        $received = '';

        EventLoop::unreference(EventLoop::onReadable($client, function (string $id) use ($client, &$received): void {
            $received .= $bytes = (string) @fread($client, 1 << 20);

            if ($bytes === '' && feof($client)) {
                EventLoop::cancel($id);
                unset($this->waiting[(int) $client]);
                fclose($client);
            } elseif (($body = self::body($received)) !== null) {
                $received = '';
                $this->requests++;

                if (! $this->answer($client, substr_count($body, '{"name":"'))) {
                    EventLoop::cancel($id);
                }
            }
        }));
    }

    /**
     * Get the body of a request that has arrived as a whole. A client sends one request at a time.
     */
    private static function body(string $request): ?string
    {
        [$head, $body] = explode("\r\n\r\n", $request, 2) + [1 => null];
        preg_match('/\r\ncontent-length: (\d+)/i', $head, $match);

        return $body !== null && strlen($body) === (int) $match[1] ? $body : null;
    }

    /**
     * Answer a request with this number of events. Returns false if the connection gets no other request.
     *
     * @param  resource  $client
     */
    private function answer(mixed $client, int $events): bool
    {
        if ($this->mode === ReceiverMode::Hanging) {
            $this->waiting[(int) $client] = $client;
        } elseif ($this->mode === ReceiverMode::Closing) {
            fclose($client);

            return false;
        } elseif ($this->mode === ReceiverMode::Failing) {
            @fwrite($client, "HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n");
        } else {
            $this->events += $events;
            $respond = static function () use ($client): void {
                is_resource($client) && @fwrite($client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            };
            $this->mode === ReceiverMode::Slow ? EventLoop::delay(self::SLOW, $respond) : $respond();
        }

        return true;
    }
}
