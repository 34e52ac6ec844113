<?php

declare(strict_types=1);

use Composer\InstalledVersions;

return static function (): void {
    class_exists(InstalledVersions::class) || require_once 'Composer/InstalledVersions.php';

    InstalledVersions::reload(['root' => [], 'versions' => ['laravel/reverb' => ['pretty_version' => 'v1.7.1', 'version' => '1.7.1.0']]]);
};
