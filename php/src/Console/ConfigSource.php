<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use PhpToken;

/**
 * The source of a PHP config file, to whose arrays lines can be added. The rest of the file keeps its formatting.
 */
final class ConfigSource
{
    /**
     * Create a new instance.
     */
    public function __construct(public private(set) string $text)
    {
        //
    }

    /**
     * Add lines at the end of the array literal under a dotted key. Returns false when the file has no such literal.
     *
     * @param  list<string>  $lines
     */
    public function append(string $key, array $lines): bool
    {
        if (($literal = $this->literal($key)) === null) {
            return false;
        }

        [$last, $end] = $literal;
        $behind = $last->pos + strlen($last->text);
        $comma = $last->is(['[', '(', ',']) ? '' : ',';
        // Comments after the last element.
        $comments = rtrim(substr($this->text, $behind, $end - $behind));
        // On a line of its own, the closing bracket has the indentation of the key.
        $inner = $this->indentAt($end).'    ';

        $this->text = substr($this->text, 0, $behind).$comma.$comments
            .implode('', array_map(fn (string $line) => "\n{$inner}{$line}", $lines))
            ."\n".$this->indentAt($end).substr($this->text, $end);

        return true;
    }

    /**
     * Determine if the code, not a comment, calls a function with a string.
     */
    public function calls(string $function, string $argument): bool
    {
        $code = array_filter(PhpToken::tokenize($this->text), fn (PhpToken $token) => ! $token->isIgnorable());

        return preg_match('/\b'.preg_quote($function, '/').'\([\'"]'.preg_quote($argument, '/').'[\'"]/', implode('', array_column($code, 'text'))) === 1;
    }

    /**
     * Get the last token of code in an array literal, which is the opening bracket of an empty one, and the position of its
     * closing bracket.
     *
     * @return array{PhpToken, int}|null
     */
    private function literal(string $key): ?array
    {
        $path = explode('.', $key);
        // The keys of the open brackets; an empty key stands for anything but an element with a string as its key.
        $open = [];
        $last = new PhpToken(T_OPEN_TAG, '');
        $string = $pending = '';

        foreach (PhpToken::tokenize($this->text) as $token) {
            if ($token->isIgnorable()) {
                continue;
            }

            if ($token->is([']', ')'])) {
                if (array_slice($open, 1) === $path) {
                    return [$last, $token->pos];
                }

                array_pop($open);
            } elseif ($token->is(['[', '('])) {
                $open[] = $pending;
            }

            $pending = match (true) {
                $token->is(T_DOUBLE_ARROW) => $string,
                $token->is(T_ARRAY) => $pending,
                default => '',
            };
            $string = $token->is(T_CONSTANT_ENCAPSED_STRING) ? substr($token->text, 1, -1) : '';
            $last = $token;
        }

        return null;
    }

    /**
     * Get the white space at the start of the line of a position.
     */
    private function indentAt(int $position): string
    {
        $line = substr($this->text, (int) strrpos("\n".substr($this->text, 0, $position), "\n"));

        return substr($line, 0, strspn($line, ' '));
    }
}
