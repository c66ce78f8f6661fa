# Copies part of a folder from one account to another with Mail::IMAPClient, as imapsync does:
# fetch, then APPEND with flags and internal date. Standard input, one value a line:
# port, CA file, source user, source password, target user, target password, folder, first and last message number.
use strict;
use warnings;
use IO::Socket::SSL;
use Mail::IMAPClient;

chomp( my ( $port, $ca, $source_user, $source_password, $target_user, $target_password, $folder, $first, $last ) = <STDIN> );

sub log_in {
    my ( $user, $password ) = @_;
    return Mail::IMAPClient->new(
        Server => 'localhost', Port => $port, User => $user, Password => $password, Uid => 0, Timeout => 60, Fast_io => 1, Keepalive => 1,
        Ssl => [ SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER, SSL_verifycn_scheme => 'imap', SSL_verifycn_name => 'localhost', SSL_hostname => 'localhost' ],
    ) || die "login of $user: $@\n";
}

my $source = log_in( $source_user, $source_password );
my $target = log_in( $target_user, $target_password );
$source->examine($folder) or die 'EXAMINE: ' . $source->LastError . "\n";

my $batch = 250;
for ( my $from = $first ; $from <= $last ; $from += $batch ) {
    my $to = $from + $batch - 1 < $last ? $from + $batch - 1 : $last;
    my $found = $source->fetch_hash( "$from:$to", 'FLAGS', 'INTERNALDATE', 'BODY.PEEK[]' ) or die 'FETCH: ' . $source->LastError . "\n";
    for my $number ( sort { $a <=> $b } keys %$found ) {
        my $message = $found->{$number};
        my $flags = join ' ', grep { !/\\Recent/i } split ' ', $message->{FLAGS};
        $target->append_string( $folder, $message->{'BODY[]'}, $flags, $message->{INTERNALDATE} ) or die "APPEND of $number: " . $target->LastError . "\n";
    }
}
$source->logout;
$target->logout;
print "done\n";
