<?php

declare(strict_types=1);

/*
 * A process of the application that is not a server. Reads the config and the applications as a line of JSON, then one call
 * per line, `{"from": "command", "send": {"event": "order.paid", "app": "1"}}`, and writes the result or the exception.
 */

use Illuminate\Contracts\Bus\Dispatcher;
use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

require dirname(__DIR__).'/bootstrap.php';

['webhooks' => $webhooks, 'apps' => $apps] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = new TestApplication($webhooks, $apps);
$laravel = $application->laravel;

final readonly class SendEvent
{
    /**
     * @param  array<string, mixed>  $arguments
     */
    public function __construct(private array $arguments)
    {
        //
    }

    public function handle(): bool
    {
        return Webhooks::send(...$this->arguments);
    }
}

$laravel['router']->post('send', fn (Request $request) => ['sent' => Webhooks::send(...$request->all())]);

$ways = [
    'command' => fn (array $arguments) => ['sent' => Webhooks::send(...$arguments)],
    'job' => function (array $arguments) use ($laravel): array {
        // A queue worker does this before each job.
        $laravel->forgetScopedInstances();

        return ['sent' => $laravel->make(Dispatcher::class)->dispatchSync(new SendEvent($arguments))];
    },
    'request' => fn (array $arguments) => json_decode(
        $laravel->make(Kernel::class)->handle(Request::create('send', 'POST', $arguments))->getContent(), true,
    ),
];

echo "ready\n";

while (($line = fgets(STDIN)) !== false) {
    ['from' => $from, 'send' => $arguments] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);

    try {
        $answer = $ways[$from]($arguments);
    } catch (Throwable $e) {
        $answer = ['threw' => $e::class, 'message' => $e->getMessage()];
    }

    echo json_encode($answer)."\n";
}

$application->remove();
