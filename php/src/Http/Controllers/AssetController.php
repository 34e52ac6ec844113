<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;

/**
 * Serves the style and the script of the page, as files of their own so that a strict policy lets them in.
 */
class AssetController
{
    /**
     * The URL of a file, another one whenever it changes.
     */
    public static function url(string $file): string
    {
        return DashboardUrl::to('asset', ['file' => $file, 'v' => substr(hash_file('xxh128', self::path($file)), 0, 12)]);
    }

    /**
     * Handle an incoming request.
     */
    public function __invoke(string $file): Response
    {
        return response((string) file_get_contents(self::path($file)), 200, [
            'Content-Type' => str_ends_with($file, '.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8',
            'Cache-Control' => 'private, max-age=31536000, immutable',
        ]);
    }

    /**
     * Where a file is.
     */
    private static function path(string $file): string
    {
        return dirname(__DIR__, 3).'/resources/dashboard/'.$file;
    }
}
