<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Controllers;

use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Support\DashboardUrl;

/**
 * Serves the style sheet and the script of the dashboard, which its content security policy does not allow inline.
 */
class AssetController
{
    /**
     * Get the URL of a file, with a hash of its content.
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
     * Get the path of a file.
     */
    private static function path(string $file): string
    {
        return dirname(__DIR__, 3).'/resources/dashboard/'.$file;
    }
}
