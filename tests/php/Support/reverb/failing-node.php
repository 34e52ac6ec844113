<?php

declare(strict_types=1);

/*
 * A node of which every hook and timer fails once it has started. `count:failures` returns the number of those that have failed.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Facades\Artisan;
use Webpatser\ResonateWebhooks\CacheMissDetector;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\MemberData;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\Reconciler;

return static function (Application $laravel): void {
    $laravel->bind(Node::class, static fn (Application $laravel, array $parameters) => new class (...$parameters) extends Node
    {
        public protected(set) ?Engine $engine = null {
            get => $this->unlessFailing($this->engine);
        }

        public protected(set) ?CacheMissDetector $caches = null {
            get => $this->unlessFailing($this->caches);
        }

        public protected(set) ?MemberData $memberData = null {
            get => $this->unlessFailing($this->memberData);
        }

        protected ?Reconciler $reconciler = null {
            get => $this->unlessFailing($this->reconciler);
        }

        private bool $failing = false;

        /**
         * @var array<string, true>
         */
        public array $failures = [];

        public function ticks(): array
        {
            $ticks = parent::ticks();
            $this->failing = true;

            return $ticks;
        }

        protected function finish(): void
        {
            $this->failing = false;

            parent::finish();
        }

        private function unlessFailing(?object $value): ?object
        {
            if ($this->failing) {
                // The caller of the property hook.
                $method = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 3)[2]['function'];
                $this->failures[$method] = true;

                throw new RuntimeException("{$method} has failed");
            }

            return $value;
        }
    });

    Artisan::command('count:failures', fn () => count($laravel->make(Node::class)->failures));
};
