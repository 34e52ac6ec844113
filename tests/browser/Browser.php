<?php

declare(strict_types=1);

namespace Tests\Browser;

use Illuminate\Filesystem\Filesystem;
use RuntimeException;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Tests\Support\Wait;

/**
 * A headless Chromium, controlled by the WebDriver protocol.
 */
final class Browser
{
    private readonly Process $driver;

    private readonly string $folder;

    private readonly string $base;

    private string $session = '';

    /**
     * Start the driver and a browser with a preferred colour scheme.
     */
    public function __construct(int $width = 1280, int $height = 1000, string $scheme = 'light', bool $scripts = true)
    {
        $port = FreePort::find();
        $this->base = "http://127.0.0.1:{$port}";
        $this->folder = sys_get_temp_dir().'/webhooks-browser-'.bin2hex(random_bytes(6));
        mkdir($this->folder);

        $this->driver = new Process([
            'env', "HOME={$this->folder}", 'sh', '-c', 'setsid "$@" >/dev/null 2>&1 & cat >/dev/null; kill -- -$!; wait', 'sh',
            getenv('RESONATE_WEBHOOKS_CHROMEDRIVER') ?: 'chromedriver', "--port={$port}", '--silent',
        ], 'chromedriver');

        Wait::until(fn () => @stream_socket_client("tcp://127.0.0.1:{$port}", timeout: 1), 'chromedriver to listen');

        $this->session = '/session/'.$this->ask('POST', '/session', ['capabilities' => ['alwaysMatch' => [
            'browserName' => 'chrome',
            'goog:loggingPrefs' => ['browser' => 'ALL'],
            'goog:chromeOptions' => array_filter([
                'binary' => getenv('RESONATE_WEBHOOKS_CHROMIUM') ?: null,
                'args' => [
                    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
                    '--disable-background-networking', '--disable-component-update', '--disable-sync', "--user-data-dir={$this->folder}/profile",
                    "--window-size={$width},{$height}",
                ],
            ]),
        ]]])['sessionId'];

        $this->command('Emulation.setDeviceMetricsOverride', ['width' => $width, 'height' => $height, 'deviceScaleFactor' => 1, 'mobile' => false]);
        $this->command('Emulation.setScriptExecutionDisabled', ['value' => ! $scripts]);
        $this->command('Emulation.setEmulatedMedia', ['features' => [['name' => 'prefers-color-scheme', 'value' => $scheme]]]);
    }

    /**
     * Visit a page and wait until it has loaded.
     */
    public function visit(string $url): self
    {
        $this->ask('POST', "{$this->session}/url", ['url' => $url]);

        return $this;
    }

    /**
     * Run JavaScript in the page and get its result.
     */
    public function run(string $script): mixed
    {
        return $this->ask('POST', "{$this->session}/execute/sync", ['script' => $script, 'args' => []]);
    }

    /**
     * Get the visible text of the first element that matches a selector.
     */
    public function text(string $selector = 'body'): string
    {
        // In one command, because the page may replace the element between two.
        return (string) $this->run('return document.querySelector('.json_encode($selector).')?.innerText');
    }

    /**
     * Click the first element that matches a selector.
     */
    public function click(string $selector): self
    {
        $this->ask('POST', "{$this->session}/element/{$this->find($selector)}/click", (object) []);

        return $this;
    }

    /**
     * Click a link or button, and wait until the next page has loaded. The driver only waits for a page that is already loading,
     * and on a busy machine loading may start after the click has returned.
     */
    public function follow(string $selector): self
    {
        $document = fn (): string => $this->command('Page.getFrameTree')['frameTree']['frame']['loaderId'];
        $before = $document();
        $this->click($selector);

        Wait::until(
            fn () => $document() !== $before && $this->run('return document.readyState') === 'complete',
            "the page behind {$selector}",
            30.0,
        );

        return $this;
    }

    /**
     * Get the role and the name that assistive technology sees of the first element that matches a selector.
     *
     * @return array{string, string}
     */
    public function accessible(string $selector): array
    {
        $element = "{$this->session}/element/{$this->find($selector)}";

        return [$this->ask('GET', "{$element}/computedrole"), $this->ask('GET', "{$element}/computedlabel")];
    }

    /**
     * Press keys on the focused element.
     */
    public function press(string $keys): self
    {
        $actions = array_merge(...array_map(fn (string $key) => [['type' => 'keyDown', 'value' => $key], ['type' => 'keyUp', 'value' => $key]], mb_str_split($keys)));
        $this->ask('POST', "{$this->session}/actions", ['actions' => [['type' => 'key', 'id' => 'keyboard', 'actions' => $actions]]]);

        return $this;
    }

    /**
     * Get the messages of the browser's console since the last call, including refused scripts.
     *
     * @return list<string>
     */
    public function consoleMessages(): array
    {
        return array_column($this->ask('POST', "{$this->session}/se/log", ['type' => 'browser']), 'message');
    }

    /**
     * Run a command of Chromium's DevTools protocol.
     *
     * @param  array<string, mixed>  $parameters
     */
    public function command(string $name, array $parameters = []): mixed
    {
        return $this->ask('POST', "{$this->session}/goog/cdp/execute", ['cmd' => $name, 'params' => (object) $parameters]);
    }

    /**
     * Get a PNG of the whole page.
     */
    public function picture(): string
    {
        return (string) base64_decode($this->command('Page.captureScreenshot', ['captureBeyondViewport' => true])['data'], true);
    }

    public function __destruct()
    {
        if ($this->session !== '') {
            $this->ask('DELETE', $this->session);
        }

        $this->driver->hangUp();
        $this->driver->awaitEnd();

        (new Filesystem)->deleteDirectory($this->folder);
    }

    private function find(string $selector): string
    {
        return array_values($this->ask('POST', "{$this->session}/element", ['using' => 'css selector', 'value' => $selector]))[0];
    }

    /**
     * @param  array<string, mixed>|object|null  $body
     */
    private function ask(string $method, string $path, array|object|null $body = null): mixed
    {
        // The driver keeps connections open. PHP's streams would wait for their end.
        $curl = curl_init($this->base.$path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 60, CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
            CURLOPT_POSTFIELDS => $body === null ? '' : json_encode($body, JSON_THROW_ON_ERROR),
        ]);
        $answer = curl_exec($curl);
        $value = json_decode((string) $answer, true, flags: JSON_THROW_ON_ERROR)['value'];

        if (is_array($value) && isset($value['error'])) {
            throw new RuntimeException("{$method} {$path}: {$value['error']}: {$value['message']}");
        }

        return $value;
    }
}
