#!/usr/bin/perl
# What runs in the containers of these tests, where there is no more than the base of Perl:
#   echo.pl serve ADDRESS,PROTOCOL,PORT…         sends back what it receives, until it is killed
#   echo.pl try ADDRESS,PROTOCOL,PORT,SECONDS…   tries all of them at once and prints a line for each: answered, or nothing
use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM SOCK_DGRAM);

my %types = (tcp => SOCK_STREAM, udp => SOCK_DGRAM);

sub serve {
    my $ready = IO::Select->new;
    my %listening;
    for my $place (@_) {
        my ($address, $protocol, $port) = split /,/, $place;
        my $socket = IO::Socket::IP->new(
            LocalHost => $address, LocalPort => $port, Type => $types{$protocol}, $protocol eq 'tcp' ? (Listen => 16) : ()
        ) or die "$place: $@";
        $listening{$socket} = $protocol;
        $ready->add($socket);
    }
    while (my @sockets = $ready->can_read) {
        for my $socket (@sockets) {
            my $protocol = $listening{$socket} // 'stream';
            if ($protocol eq 'tcp') {
                my $connection = $socket->accept or next;
                $ready->add($connection);
            } elsif ($protocol eq 'udp') {
                my $from = recv $socket, my $datagram, 2048, 0;
                send $socket, $datagram, 0, $from if defined $from;
            } elsif (sysread $socket, my $said, 2048) {
                syswrite $socket, $said;
            } else {
                $ready->remove($socket);
                close $socket;
            }
        }
    }
}

sub is_answered {
    my ($address, $protocol, $port, $seconds) = split /,/, shift;
    my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Type => $types{$protocol}, Timeout => $seconds) or return 0;
    defined syswrite $socket, 'anybody' or return 0;
    IO::Select->new($socket)->can_read($seconds) or return 0;
    sysread $socket, my $bytes, 16;
    return ($bytes // '') eq 'anybody';
}

sub try {
    my @attempts;
    for my $place (@_) {
        my $attempt = fork // die "fork: $!";
        exit(is_answered($place) ? 0 : 1) if $attempt == 0;
        push @attempts, $attempt;
    }
    for my $attempt (@attempts) {
        waitpid $attempt, 0;
        print $? == 0 ? "answered\n" : "nothing\n";
    }
}

$SIG{PIPE} = 'IGNORE';
my $what = shift;
$what eq 'serve' ? serve(@ARGV) : try(@ARGV);
